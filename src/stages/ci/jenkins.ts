import type { Project } from '../../define/project.ts'
import { ciPlan, reportFolder, validateCommand, type CiOptions } from './plan.ts'

/** One Groovy string that takes nothing in it for code. */
function groovy(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`
}

function indented(lines: readonly string[], depth: number): string[] {
  return lines.map(line => ' '.repeat(depth) + line)
}

/**
 * The text of a declarative `Jenkinsfile`, which needs the plugins Pipeline and JUnit, and Warnings for findings on the
 * lines unless `sarif` is false. The agent's workspace keeps npm's cache and the measures of files between builds.
 */
export function jenkinsPipeline(project: Project, options: CiOptions = {}): string {
  const plan = ciPlan(project, 'Jenkinsfile', options)
  const shell = (command: string): string => `sh ${groovy(command)}`
  const inFolder = (steps: readonly string[]): string[] =>
    plan.folder === ''
      ? indented(steps, 8)
      : [`        dir(${groovy(plan.folder)}) {`, ...indented(steps, 10), '        }']
  const steps = ['npm ci --cache "$WORKSPACE/.npm" --prefer-offline', validateCommand('jenkins')].map(shell)
  const when = [
    '      when {',
    '        anyOf {',
    "          triggeredBy 'TimerTrigger'",
    "          triggeredBy cause: 'UserIdCause'",
    // The first build of a branch, or one that was started because data arrived.
    '          expression { currentBuild.changeSets.isEmpty() }',
    ...plan.watched.map(path => `          changeset ${groovy(path)}`),
    '        }',
    '      }',
  ]
  const tests = plan.tests.flatMap(({ model, command, junit }) => [
    `    stage(${groovy(`Train and test ${model}`)}) {`,
    ...when,
    '      steps {',
    // Another model's red tests hide nothing
    ...inFolder([`catchError(buildResult: 'FAILURE', stageResult: 'FAILURE') { ${shell(command)} }`]),
    '      }',
    '      post {',
    '        always {',
    `          junit allowEmptyResults: true, testResults: ${groovy(junit)}`,
    `          archiveArtifacts allowEmptyArchive: true, artifacts: ${groovy(`${plan.reports}/**`)}`,
    '        }',
    '      }',
    '    }',
  ])
  const { check, deliver, secrets, comment } = plan.features
  const held = (lines: readonly string[]): string[] =>
    secrets.length === 0
      ? [...lines]
      : [
          `withCredentials([${secrets.map(name => `string(credentialsId: ${groovy(name)}, variable: ${groovy(name)})`).join(', ')}]) {`,
          ...indented(lines, 2),
          '}',
        ]
  const stage = (
    title: string,
    agent: string,
    condition: string,
    steps: readonly string[],
    post: readonly string[] = [],
  ) => [
    `    stage(${groovy(title)}) {`,
    ...(agent === '' ? [] : [`      agent { label ${groovy(agent)} }`]),
    `      when { ${condition} }`,
    '      steps {',
    ...inFolder(held(steps)),
    '      }',
    ...post,
    '    }',
  ]
  // A machine that has the project's .millrace folder
  const agent = deliver.length > 0 ? 'millrace' : ''
  const ready = shell('npm ci --cache "$WORKSPACE/.npm" --prefer-offline')
  const features = [
    ...(check.length === 0
      ? []
      : stage(
          'Features',
          agent,
          'changeRequest()',
          [
            ready,
            shell(`mkdir -p ${reportFolder}`),
            ...check.map(command => `catchError(buildResult: 'FAILURE', stageResult: 'FAILURE') { ${shell(command)} }`),
          ],
          [
            '      post {',
            '        always {',
            `          archiveArtifacts allowEmptyArchive: true, artifacts: ${groovy(comment)}`,
            '        }',
            '      }',
          ],
        )),
    ...(deliver.length === 0
      ? []
      : stage('Deliver features', agent, `branch ${groovy(plan.branch)}`, [ready, ...deliver.map(shell)])),
  ]
  return `${[
    '// Written by "millrace ci jenkins"; write it again after adding a dataset.',
    `// It needs agents with Node.js ${plan.node}. When data arrives: POST <job>/build with an API token.`,
    'pipeline {',
    '  agent any',
    '  options {',
    '    disableConcurrentBuilds()',
    "    timeout(time: 30, unit: 'MINUTES')",
    '  }',
    '  triggers {',
    `    cron(${groovy(`TZ=UTC\n${plan.schedule}`)})`,
    '  }',
    '  stages {',
    "    stage('Validate') {",
    ...when,
    '      steps {',
    ...inFolder(steps),
    '      }',
    '      post {',
    '        always {',
    `          junit allowEmptyResults: true, testResults: ${groovy(`${plan.reports}/junit.xml`)}`,
    `          archiveArtifacts allowEmptyArchive: true, artifacts: ${groovy(`${plan.reports}/**`)}`,
    ...(plan.sarif
      ? [
          `          recordIssues enabledForFailure: true, tools: [sarif(id: 'millrace', name: 'Data validation', pattern: ${groovy(`${plan.reports}/results.sarif`)})]`,
        ]
      : []),
    '        }',
    '      }',
    '    }',
    ...tests,
    ...features,
    '  }',
    '}',
  ].join('\n')}\n`
}
