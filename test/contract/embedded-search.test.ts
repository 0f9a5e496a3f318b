import { embeddedSearch } from '#search'
import { searchContract } from './search.contract.js'
import { searchListsContract } from './search-lists.contract.js'

searchContract('the embedded search', async () => embeddedSearch(':memory:'))
searchListsContract('the embedded search', async () => embeddedSearch(':memory:'))
