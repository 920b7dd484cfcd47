import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { millrace } from '../support/command.ts'
import { ridesProject } from '../support/rides.ts'

const python = 'test/interop/.venv/bin/python'
const present = existsSync(python)
if (!present) console.warn('SKIPPED: schemas of Kubernetes; run scripts/interop-venv.sh first')

/** The oldest that has everything we write, and the newest that the pinned package knows. */
const versions = ['1.31', '1.33', '1.35', '1.37']
const image = `registry.example.org/rides@sha256:${'a'.repeat(64)}`

interface Verdict {
  readonly file: string
  readonly kind: string
  readonly version: string
  readonly error: string | null
}

describe.skipIf(!present)('what k8s render writes, held to the strict schemas of Kubernetes', () => {
  const { root, remove } = ridesProject()
  afterAll(remove)

  function judge(folder: string): readonly Verdict[] {
    const files = readdirSync(folder)
      .filter(file => file !== 'kustomization.yaml')
      .map(file => join(folder, file))
    const lines = execFileSync(python, ['test/interop/check_kubernetes.py', versions.join(), ...files], {
      encoding: 'utf8',
    })
    return lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Verdict)
  }

  test.each([
    ['one', {}, []],
    [
      'shared',
      { metadata: { kind: 'postgres', urlFrom: 'DATABASE_URL' } },
      [
        '--access-mode',
        'ReadWriteMany',
        '--replicas',
        '3',
        '--max-replicas',
        '6',
        '--scale-metric',
        'a_per_second=200',
      ],
    ],
    ['secured', {}, ['--tls-secret', 'rides-tls']],
  ])('every object is accepted: %s', async (name, settings, flags) => {
    const folder = join(root, name)
    const written = await millrace(root, ['k8s', 'render', '--image', image, '--out', folder, ...flags], settings)
    expect(written.code, written.said).toBe(0)
    const verdicts = judge(folder)
    expect(verdicts.filter(one => one.error !== null)).toEqual([])
    expect(verdicts.map(one => one.kind).sort()).toEqual(
      versions
        .flatMap(() => [
          'ServiceAccount',
          'PersistentVolumeClaim',
          'PersistentVolumeClaim',
          ...(name === 'shared' ? ['HorizontalPodAutoscaler'] : []),
          'Job',
          'Deployment',
          'Service',
          'PodDisruptionBudget',
          'NetworkPolicy',
        ])
        .sort(),
    )
  })

  test('and the judge refuses a misspelt field', async () => {
    const folder = join(root, 'misspelt')
    await millrace(root, ['k8s', 'render', '--image', image, '--out', folder])
    const file = join(folder, 'serving.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace('readinessProbe', 'readynessProbe'))
    const refused = judge(folder).filter(one => one.error !== null)
    expect(refused.map(one => one.kind)).toEqual(versions.map(() => 'Deployment'))
  })
})
