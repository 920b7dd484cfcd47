import { join } from 'node:path'
import type { Project } from '../define/project.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import type { ModelTrainer, Trainer } from '../ports/trainer.ts'
import { adapters } from './resolve.ts'
import { settingsOf } from './settings.ts'

/** Millrace's own trainers, on so many threads, the calling one among them. */
export async function openOwnTrainer(threads = 2): Promise<ModelTrainer> {
  return (await adapters.trainer.own()).openOwnTrainer(async () => (await adapters.threads()).openThreadCrew(threads))
}

/** What trains the models of a project, by their trainers; each is loaded when it is first used. */
export function trainersOf(
  project: Project,
  root: string,
  folder: string,
  artifacts: Pick<ArtifactStore, 'localPath'>,
): (trainer: Trainer) => Promise<ModelTrainer> {
  return async ({ kind }) => {
    switch (kind) {
      case 'gbt':
      case 'linear':
      case 'baseline':
        return openOwnTrainer()
      case 'onnx':
        return (await adapters.trainer.onnx()).openOnnxFile({ project: root, artifacts })
      case 'python':
      case 'typescript':
      case 'command':
      case 'container': {
        const { run } = settingsOf(project)
        const {
          program = 'podman',
          globalFlags = [],
          runFlags = [],
          network = 'none',
        } = run.kind === 'container' ? run : {}
        return (await adapters.trainer.program()).openProgramTrainer({
          project: root,
          environments: join(folder, 'python'),
          container: { program, globalFlags, runFlags, network },
        })
      }
    }
  }
}
