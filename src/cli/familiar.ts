/** Names of images as people write them: `docker.io/library/nginx:1.27` is `nginx:1.27`. */

export const familiar = (name: string): string => name.replace(/^docker\.io\/(library\/(?=[^/]+$))?/, '');
