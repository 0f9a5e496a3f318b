import { embeddedSearch } from '../../src/catalogue/embedded-search.js'
import { searchContract } from './search.contract.js'

searchContract('the embedded search', async () => embeddedSearch(':memory:'))
