/** Where the builders differ among themselves, whom we follow and why. What is not here is as dockerd's legacy builder has it. */
export const EXPLAINED: Readonly<
  Record<string, { readonly as: 'legacy' | 'buildkit' | 'buildah'; readonly because: string }>
> = {};
