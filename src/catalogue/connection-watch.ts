/**
 * Tells a provider that is down from a gateway that is cut off: when one after the other provider on
 * the internet stays silent and none answers, it is the gateway's own connection. What it then finds
 * of the providers is worth nothing, and pausing them all would be wrong.
 */

/** Silent hosts in a row, none twice, that make it our own fault. */
const SILENT_HOSTS = 10

export type ConnectionWatch = {
  note(baseUrl: string, isSilent: boolean): void
  isCutOff(): boolean
}

export function createConnectionWatch(): ConnectionWatch {
  const silent = new Set<string>()
  return {
    note(baseUrl, isSilent) {
      const { protocol, host } = new URL(baseUrl)
      // Plain http is allowed for hosts nearby only; that those answer proves nothing.
      if (protocol !== 'https:') return
      if (!isSilent) silent.clear()
      else if (silent.size < SILENT_HOSTS) silent.add(host)
    },
    isCutOff: () => silent.size === SILENT_HOSTS,
  }
}
