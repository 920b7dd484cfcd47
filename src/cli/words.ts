import { grouped } from '../internal/grouped.ts'
/** `1 row`, `1,200 rows`: a count with its noun. */
export function counted(count: number, one: string): string {
  return `${grouped(count)} ${one}${count === 1 ? '' : 's'}`
}
