export { permutationImportance, type PermutationImportance } from './permutation.ts'
export { type Contributions, treeContributions } from './tree-shap.ts'
