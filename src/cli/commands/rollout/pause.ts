import type { Command } from '../../command.ts'
import { rolloutCommand } from '../../serve/rollout.ts'

export const command: Command = rolloutCommand('pause', 'hold the rollout where it is')
