import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openArtifacts } from '../../src/adapters/artifacts/fs/open.ts'
import { systemClock } from '../../src/adapters/clock/system.ts'
import { processExecutor } from '../../src/adapters/executor/process/executor.ts'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { EngineEvent } from '../../src/engine/events.ts'
import type { EngineOptions } from '../../src/engine/options.ts'
import { compiledModule } from '../../src/internal/compiled.ts'
import type { ArtifactStore } from '../../src/ports/artifact-store.ts'
import type { MetadataStore } from '../../src/ports/metadata-store.ts'

export interface TestEngine {
  readonly root: string
  readonly engine: Engine
  readonly store: MetadataStore
  readonly artifacts: ArtifactStore
  readonly events: readonly EngineEvent[]
  readonly close: () => Promise<void>
}

/** The real engine on SQLite and files, in `root` or in a fresh temporary folder. */
export async function openTestEngine(
  root: string = mkdtempSync(join(tmpdir(), 'millrace-engine-')),
  over: Partial<EngineOptions> = {},
): Promise<TestEngine> {
  const store = await openSqlite(join(root, 'state.db'))
  const artifacts = await openArtifacts(root)
  const events: EngineEvent[] = []
  const engine = new Engine({
    store,
    artifacts,
    artifactAccess: {
      module: compiledModule('../../src/adapters/artifacts/fs/open.ts', import.meta.url).href,
      export: 'openArtifacts',
      argument: root,
    },
    clock: systemClock(),
    executor: processExecutor(),
    work: join(root, 'work'),
    listener: event => events.push(event),
    ...over,
  })
  return {
    root,
    engine,
    store,
    artifacts,
    events,
    async close() {
      await engine.close()
      await store.close()
    },
  }
}
