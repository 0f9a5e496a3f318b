/** Keeps a connection to each server that is in use, and ends those to the others. */
import type { Connections, ServerSettings } from '#connections'

type Deps = {
  connections: Pick<Connections, 'watch' | 'forget'>
  onToolsChanged(id: string): void
  /** Told of a failure that no caller waits for. */
  failed(error: unknown): void
}

export function keepConnections({ connections, onToolsChanged, failed }: Deps) {
  const watched = new Map<string, { settings: ServerSettings; end: () => void }>()
  /** For each server the end of what is being done to its connections. */
  const turns = new Map<string, Promise<void>>()

  return {
    /** Connects to what is wanted, by the ids of the servers, and to nothing else. */
    settle(wanted: ReadonlyMap<string, ServerSettings>): void {
      for (const [id, { settings }] of watched) if (wanted.get(id) !== settings) unwatch(id)
      for (const [id, settings] of wanted) if (!watched.has(id)) watch(id, settings)
    },
    /** Ends what is connected to a server and connects anew. */
    reconnect(id: string): Promise<void> {
      const settings = watched.get(id)?.settings
      unwatch(id)
      if (settings) watch(id, settings)
      return turns.get(id) ?? Promise.resolve()
    },
    /** Resolves when nothing is being done to a server's connections. */
    settled: (id: string): Promise<void> => turns.get(id) ?? Promise.resolve(),
    async close(): Promise<void> {
      for (const id of [...watched.keys()]) unwatch(id)
      await Promise.all(turns.values())
    },
  }

  function watch(id: string, settings: ServerSettings): void {
    const watching = { settings, end: () => {} }
    watched.set(id, watching)
    inTurn(id, async () => {
      // It may have been given up again while it waited for its turn.
      if (watched.get(id) !== watching) return
      watching.end = connections.watch(settings, () => onToolsChanged(id))
    })
  }

  function unwatch(id: string): void {
    const watching = watched.get(id)
    if (!watching) return
    watched.delete(id)
    inTurn(id, async () => {
      watching.end()
      await connections.forget(id)
    })
  }

  /** One after the other for each server, so that a slow one delays no other. */
  function inTurn(id: string, work: () => Promise<void>): void {
    const turn = (turns.get(id) ?? Promise.resolve()).then(work).catch(failed)
    turns.set(id, turn)
    void turn.then(() => {
      if (turns.get(id) === turn) turns.delete(id)
    })
  }
}
