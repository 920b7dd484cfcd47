import { createRequire } from 'node:module'

/**
 * Loads a package that is CommonJS as what it is. Imported like a module, Node reads the whole of it for its names first,
 * which for the data engine takes as long as the rest of loading it (55 of 105 ms).
 */
export const commonJs: NodeJS.Require = createRequire(import.meta.url)
