import type { Json } from '../../internal/canonical-json.ts'
import {
  affinity,
  environmentOf,
  objectName,
  resourcesOf,
  restrictedContainer,
  restrictedPod,
  volumes,
  type Labels,
  type PodSettings,
  type Resources,
} from './pod.ts'

export interface TrainingJobOptions {
  readonly project: string
  readonly model: string
  readonly image: string
  readonly pod: PodSettings
  readonly labels: Labels
  readonly resources: Resources
  /** Seconds after which the run is ended. */
  readonly deadline: number
}

/**
 * One training run as a Job. Retries are the engine's, which knows why a step failed; the cluster only replaces pods that
 * it took away itself. A gate's no (10) and a broken contract (64) end the Job at once.
 */
export function trainingJob(options: TrainingJobOptions): Json {
  const { model, image, pod, resources } = options
  const labels = { ...options.labels, 'app.kubernetes.io/component': 'training', 'millrace.dev/model': model }
  const { mounts, volumes: mounted } = volumes(pod)
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: objectName('train', model), labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: options.deadline,
      ttlSecondsAfterFinished: 3600,
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onExitCodes: { containerName: 'train', operator: 'In', values: [10, 64] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        ],
      },
      template: {
        metadata: { labels },
        spec: {
          ...restrictedPod,
          serviceAccountName: pod.account,
          ...affinity(pod),
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 60,
          containers: [
            {
              name: 'train',
              image,
              args: ['train', model],
              ...environmentOf(pod),
              resources: resourcesOf(resources),
              ...restrictedContainer,
              volumeMounts: mounts,
            },
          ],
          volumes: mounted,
        },
      },
    },
  }
}
