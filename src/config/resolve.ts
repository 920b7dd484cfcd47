/**
 * The only file that names adapters. Each is imported when it is first used, so a command pays for what it needs.
 */
export const adapters = {
  metadata: {
    sqlite: () => import('../adapters/metadata/sqlite/open.ts'),
    postgres: () => import('../adapters/metadata/postgres/open.ts'),
  },
  artifacts: { fs: () => import('../adapters/artifacts/fs/open.ts') },
  data: { duckdb: () => import('../adapters/data/duckdb/engine.ts') },
  source: {
    postgres: () => import('../adapters/source/postgres/open.ts'),
    sqlite: () => import('../adapters/source/sqlite/open.ts'),
    arrow: () => import('../adapters/source/arrow/open.ts'),
  },
  online: {
    lmdb: () => import('../adapters/online/lmdb/store.ts'),
    redis: () => import('../adapters/online/redis/store.ts'),
    postgres: () => import('../adapters/online/postgres/store.ts'),
  },
  executor: {
    process: () => import('../adapters/executor/process/executor.ts'),
    container: () => import('../adapters/executor/container/executor.ts'),
  },
  inference: {
    native: () => import('../adapters/inference/onnx-native/open.ts'),
    wasm: () => import('../adapters/inference/onnx-wasm/open.ts'),
    trees: () => import('../adapters/inference/trees/open.ts'),
    childProcess: () => import('../adapters/inference/child-process/open.ts'),
    threads: () => import('../adapters/inference/threads/open.ts'),
  },
  trainer: {
    own: () => import('../adapters/trainer/own/open.ts'),
    program: () => import('../adapters/trainer/program/open.ts'),
    onnx: () => import('../adapters/trainer/onnx-file/open.ts'),
  },
  keys: { local: () => import('../adapters/keys/local/open.ts') },
  notifier: {
    log: () => import('../adapters/notifier/log/notifier.ts'),
    webhook: () => import('../adapters/notifier/webhook/notifier.ts'),
  },
  queries: { prometheus: () => import('../adapters/queries/prometheus/open.ts') },
  clock: { system: () => import('../adapters/clock/system.ts') },
  threads: () => import('../stages/train/threads/crew.ts'),
} as const
