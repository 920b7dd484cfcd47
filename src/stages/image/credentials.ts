import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

export interface Credentials {
  readonly username: string
  readonly password: string
}

interface DockerConfig {
  readonly auths?: Readonly<
    Record<string, { readonly auth?: string; readonly username?: string; readonly password?: string }>
  >
  readonly credHelpers?: Readonly<Record<string, string>>
  readonly credsStore?: string
}

async function dockerConfig(): Promise<DockerConfig> {
  const file = join(process.env.DOCKER_CONFIG ?? join(homedir(), '.docker'), 'config.json')
  try {
    return JSON.parse(await readFile(file, 'utf8')) as DockerConfig
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

/** A helper program answers on its output; one that knows nothing of the registry fails. */
function askHelper(helper: string, registry: string): Promise<Credentials | undefined> {
  if (!/^[\w.-]+$/.test(helper)) return Promise.resolve(undefined)
  return new Promise(resolve => {
    const child = execFile(`docker-credential-${helper}`, ['get'], (error, stdout) => {
      if (error) return resolve(undefined)
      const { Username, Secret } = JSON.parse(stdout) as { Username: string; Secret: string }
      resolve({ username: Username, password: Secret })
    })
    child.stdin?.end(registry)
  })
}

/** Credentials for a registry from `$DOCKER_CONFIG/config.json`, in the order that docker itself looks. */
export async function credentialsFor(registry: string): Promise<Credentials | undefined> {
  const { auths = {}, credHelpers = {}, credsStore } = await dockerConfig()
  const helper = credHelpers[registry] ?? credsStore
  const asked = helper === undefined ? undefined : await askHelper(helper, registry)
  if (asked) return asked
  const entry = auths[registry] ?? auths[`https://${registry}`] ?? auths[`https://${registry}/`]
  if (entry?.auth) {
    const [username = '', ...rest] = Buffer.from(entry.auth, 'base64').toString('utf8').split(':')
    return { username, password: rest.join(':') }
  }
  return entry?.username === undefined ? undefined : { username: entry.username, password: entry.password ?? '' }
}
