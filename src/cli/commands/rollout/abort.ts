import type { Command } from '../../command.ts'
import { rolloutCommand } from '../../serve/rollout.ts'

export const command: Command = rolloutCommand('abort', 'take the challenger out now')
