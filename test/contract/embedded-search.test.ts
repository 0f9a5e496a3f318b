import { embeddedSearch } from '#search'
import { searchContract } from './search.contract.js'

searchContract('the embedded search', async () => embeddedSearch(':memory:'))
