export { catalogue, fail, reviveError, type ErrorName } from './catalogue.ts'
export { isLost, unlessLost } from './lost.ts'
export { systemError, systemReason, type SystemPlace } from './system.ts'
export { isMillraceError, MillraceError, type Blame, type ErrorDetails, type ErrorEntry } from './millrace-error.ts'
