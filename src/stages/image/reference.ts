import { fail } from '../../errors/index.ts'
import { isDigest, type Digest } from '../../internal/digest.ts'

/** `registry/name:tag@digest`, taken apart. */
export interface ImageReference {
  /** `registry.example.org:5000`. */
  readonly registry: string
  /** `team/flights`. */
  readonly name: string
  readonly tag?: string
  readonly digest?: Digest
}

const nameForm = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/
const tagForm = /^\w[\w.-]{0,127}$/
const hostForm = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::\d{1,5})?$/

/** Reads a reference. The registry must be named: there is no default that a push could go to by mistake. */
export function parseReference(reference: string): ImageReference {
  const refuse = (reason: string): never => {
    throw fail('imageReference', { reference, reason })
  }
  const [rest = '', digest, ...more] = reference.split('@')
  if (more.length > 0 || (digest !== undefined && !isDigest(digest)))
    refuse('what follows @ is not sha256: and 64 hex digits')
  const slash = rest.indexOf('/')
  const registry = rest.slice(0, slash)
  if (slash < 0 || !(registry === 'localhost' || /[.:]/.test(registry)) || !hostForm.test(registry))
    refuse('it does not begin with the name of a registry')
  const colon = rest.indexOf(':', slash)
  const [name, tag] =
    colon < 0 ? [rest.slice(slash + 1), undefined] : [rest.slice(slash + 1, colon), rest.slice(colon + 1)]
  if (!nameForm.test(name) || name.length > 255)
    refuse(`'${name}' is not a repository name (lower case, digits, . _ - /)`)
  if (tag !== undefined && !tagForm.test(tag)) refuse(`'${tag}' is not a tag`)
  return { registry, name, ...(tag === undefined ? {} : { tag }), ...(digest ? { digest: digest as Digest } : {}) }
}
