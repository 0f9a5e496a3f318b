/** Says that the list of tools is another one now. */
export const LIST_CHANGED = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' }
