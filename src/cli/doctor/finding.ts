import { isMillraceError, systemError } from '../../errors/index.ts'

export interface Finding {
  readonly what: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly found: string
}

/** Looks at one thing; what it throws is what is wrong with it. */
export async function look(
  what: string,
  work: () => Promise<string>,
  missing: 'warn' | 'fail' = 'fail',
): Promise<Finding> {
  try {
    return { what, status: 'ok', found: await work() }
  } catch (error) {
    const known = isMillraceError(error) ? error : systemError(error)
    const text = known?.message ?? (error instanceof Error ? error.message : String(error))
    return { what, status: missing, found: text.split('\n')[0] as string }
  }
}
