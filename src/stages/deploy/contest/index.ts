export { advanceContest } from './advance.ts'
export { startContest } from './start.ts'
export type * from './state.ts'
