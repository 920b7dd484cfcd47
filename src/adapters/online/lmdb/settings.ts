/** How the environment is opened, by the store and by the process that tries it first. */
export const settings = { encoding: 'binary', maxDbs: 256, compression: false } as const

export const dataFile = 'data.mdb'
export const lockFile = 'lock.mdb'

/** What the trying process says of a store that can be opened and is not whole. */
export const damagedExit = 3
