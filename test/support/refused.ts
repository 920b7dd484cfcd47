import { expect } from 'vitest'
import type { Said } from './command.ts'

/** What every refusal owes: its code, words, no stack, no claim of a bug, and the exit code of its kind. */
export function refused({ code, said }: Said, exit: number, ...words: readonly (string | RegExp)[]): void {
  expect(said).toMatch(/MR\d{4}/)
  expect(said).not.toMatch(/\n\s+at .+:\d+:\d+/)
  expect(said).not.toContain('a bug in Millrace')
  for (const word of words) expect(said).toMatch(word)
  expect(code, said).toBe(exit)
}
