/**
 * Where the builders differ among themselves, whom we follow and why. What is not here is as dockerd's legacy builder has it, and what that
 * cannot build as BuildKit has it.
 */
export interface Explained {
  /** `nobody`: none of them builds it. */
  readonly as: 'buildkit' | 'buildah' | 'nobody';
  readonly because: string;
}

const hereDocument: Explained = {
  as: 'buildkit',
  because: 'the legacy builder takes the here-document for a redirection of nothing',
};

export const EXPLAINED: Readonly<Record<string, Explained>> = {
  'copy-all-with-ignore-rules': {
    as: 'buildah',
    because: 'the old client writes the name of a Dockerfile that lies elsewhere into .dockerignore',
  },
  'new-copy-exclude': { as: 'buildkit', because: 'the legacy builder knows --exclude and does nothing' },
  'new-copy-parents': { as: 'nobody', because: 'only a newer frontend of BuildKit has --parents' },
  'new-heredoc-run': hereDocument,
  'new-heredoc-shebang': hereDocument,
  'workdir-of-a-user': {
    as: 'buildkit',
    because: 'the legacy builder gives folders of WORKDIR to root, buildah and BuildKit to the USER',
  },
};

/** Where buildah (1.28) is not as the one that we follow. */
export const BUILDAH: Readonly<Record<string, string>> = {
  'escape-directive': 'buildah reads escaped dollars with a backslash, whatever the directive says',
  'expose-forms': 'buildah keeps a range of ports as it is written',
  'run-with-a-shell': 'buildah forgets SHELL',
  'shell-and-forms': 'buildah forgets SHELL',
  'volume-forms': 'buildah makes the folders of VOLUME, dockerd makes them with the container',
};
