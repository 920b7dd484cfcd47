import { useCase, type UseCase } from './use-case.ts'

const ofDataset = ({ dataset }: { readonly dataset: string }): string => `dataset ${dataset}`
/** Each of these takes a core for long, and predictions need one. */
const models = (): string => 'models'
const features = (): string => 'features'

/** Every use case that runs as a job, by the name that its jobs have. */
export const useCases = {
  validate: useCase({ line: ofDataset, load: async () => (await import('./validate.ts')).validateOne }),
  snapshot: useCase({ line: ofDataset, load: async () => (await import('./snapshot.ts')).makeSnapshot }),
  ingest: useCase({ line: ofDataset, load: async () => (await import('./ingest.ts')).ingestFile }),
  readmit: useCase({
    line: ofDataset,
    principal: 'operator',
    load: async () => (await import('./readmit.ts')).readmitFile,
  }),
  quarantine: useCase({
    line: ({ dataset = '' }) => ofDataset({ dataset }),
    principal: 'operator',
    load: async () => (await import('./quarantine.ts')).quarantinedRows,
  }),
  suggest: useCase({ line: ofDataset, load: async () => (await import('./suggest.ts')).suggestExpectations }),
  train: useCase({ line: models, load: async () => (await import('./train.ts')).train }),
  import: useCase({ line: models, load: async () => (await import('./import-model.ts')).importModel }),
  test: useCase({ line: models, load: async () => (await import('./test-version.ts')).testOne }),
  score: useCase({ line: models, load: async () => (await import('./score.ts')).scoreWith }),
  explain: useCase({ line: models, load: async () => (await import('./explain-version.ts')).explainVersion }),
  reproduce: useCase({ line: models, load: async () => (await import('./reproduce.ts')).reproduceVersion }),
  materialise: useCase({ line: features, load: async () => (await import('./materialise.ts')).materialiseViews }),
  verify: useCase({ line: features, load: async () => (await import('./verify.ts')).verifyViews }),
  verifyReads: useCase({ line: features, load: async () => (await import('./verify-reads.ts')).verifyKeptReads }),
  export: useCase({
    line: features,
    principal: 'operator',
    load: async () => (await import('./export-features.ts')).exportFeatures,
  }),
  apply: useCase({ line: features, load: async () => (await import('./apply.ts')).applyFeatures }),
  rollBack: useCase({ line: features, load: async () => (await import('./apply.ts')).rollBackFeatures }),
  promote: useCase({ line: features, load: async () => (await import('./apply.ts')).promoteFeatures }),
  recover: useCase({ line: models, load: async () => (await import('./recover.ts')).recoverRuns }),
}

export type UseCaseName = keyof typeof useCases

type Of<Name extends UseCaseName> =
  (typeof useCases)[Name] extends UseCase<infer Input, infer Answer>
    ? { readonly input: Input; readonly answer: Answer }
    : never

export type InputOf<Name extends UseCaseName> = Of<Name>['input']
export type AnswerOf<Name extends UseCaseName> = Of<Name>['answer']
