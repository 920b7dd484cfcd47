/** Every page of the seeded dashboard, one of each kind that has details. */
export const paths = [
  '/',
  '/data',
  '/features',
  '/runs',
  '/runs/01SEED00000000000000000003',
  '/models',
  '/models/lateness/3',
  '/deployments',
  '/monitors',
  '/decisions',
]
