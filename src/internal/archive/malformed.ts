/** A file that is not what it says it is. The message is a clause without a full stop: what is wrong with it. */
export class MalformedError extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'MalformedError'
  }
}
