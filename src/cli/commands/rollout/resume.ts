import type { Command } from '../../command.ts'
import { rolloutCommand } from '../../serve/rollout.ts'

export const command: Command = rolloutCommand('resume', 'let a held rollout go on')
