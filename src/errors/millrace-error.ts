/** Whose move it is: the user's, ours, or somebody else's (a database, a registry). */
export type Blame = 'user' | 'system' | 'environment'

/** One entry of the catalogue. Codes are permanent: an entry may be deprecated, never reused. */
export interface ErrorEntry {
  /** `MR` and four digits, unique over the whole catalogue. */
  readonly code: `MR${number}`
  /** What happened, in a few words; the heading of its page. */
  readonly title: string
  /** One sentence for people; `{name}` is replaced by the detail of that name. */
  readonly message: string
  /** The next step, in the imperative; `{name}` as above. */
  readonly hint: string
  /** 1 a check or gate said no, 2 usage or configuration, 3 infrastructure. */
  readonly exit: 1 | 2 | 3
  /** HTTP status when it crosses the server. */
  readonly status: number
  readonly blame: Blame
  /** It stays so however often it is tried: what was read has to change first. */
  readonly lasting?: true
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | undefined>>

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    details[name] === undefined ? whole : String(details[name]),
  )
}

const brand = Symbol.for('millrace.error')

/** The only error that users see. Everything about it comes from its catalogue entry and its details. */
export class MillraceError extends Error {
  readonly code: string
  readonly hint: string
  readonly exit: 1 | 2 | 3
  readonly status: number
  readonly blame: Blame
  readonly lasting: boolean
  readonly details: ErrorDetails
  readonly [brand] = true

  constructor(entry: ErrorEntry, details: ErrorDetails = {}, options?: { readonly cause?: unknown }) {
    super(fill(entry.message, details), options)
    this.name = 'MillraceError'
    this.code = entry.code
    this.hint = fill(entry.hint, details)
    this.exit = entry.exit
    this.status = entry.status
    this.blame = entry.blame
    this.lasting = entry.lasting === true
    this.details = details
  }

  /** RFC 9457 problem details, what the server sends and `--json` prints. */
  toJSON(): Record<string, unknown> {
    return {
      type: `millrace:${this.code}`,
      code: this.code,
      title: this.message,
      hint: this.hint,
      status: this.status,
      details: this.details,
    }
  }
}

/** Works across copies of the package (a project's own and the command line's), where `instanceof` does not. */
export function isMillraceError(error: unknown): error is MillraceError {
  return typeof error === 'object' && error !== null && brand in error
}
