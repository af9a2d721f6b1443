// Compose files of many services, as texts: what `npm run bench` and the test of the loader's work read.

/** 7 lines a service: an image, a port, two variables. */
const plain = (i) => `  s${i}:
    image: registry.example.com/shop/s${i}:1.4
    ports:
      - "${20000 + i}:8080"
    environment:
      LOG_LEVEL: info
      DATABASE_URL: postgres://shop@db:5432/s${i}
`;

/** 16 lines a service, with something of everything that real ones have. */
const rich = (i, extra = '') => `  s${i}:
${extra}    image: registry.example.com/shop/s${i}:\${TAG:-1.4}
    restart: unless-stopped
    ports: ["${20000 + i}:8080"]
    environment:
${i % 2 ? pairs(i) : items(i)}    volumes:
      - data:/var/lib/s${i}
    depends_on: [${i === 0 ? '' : `s${i - 1}`}]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8080/health"]
    labels:
      com.example.team: shop
    networks: [front, back]
`;
const pairs = (i) => `      LOG_LEVEL: info
      DATABASE_URL: "postgres://shop@db:5432/s${i}"
`;
const items = (i) => `      - LOG_LEVEL=info
      - DATABASE_URL=postgres://shop@db:5432/s${i}
`;
const limits = '    deploy: {resources: {limits: {cpus: "0.5", memory: 256M}}}\n';

const defaults = `x-default: &default
  logging:
    driver: json-file
    options: {max-size: 10m, max-file: "3"}
  deploy:
    resources:
      limits: {cpus: "0.5", memory: 256M}
  stop_grace_period: 30s
  cap_drop: [ALL]
`;

const file = (count, service, head = '', tail = '') =>
  `name: bench\n${head}services:\n${Array.from({ length: count }, (_, i) => service(i)).join('')}${tail}`;
const resources = 'volumes:\n  data:\nnetworks:\n  front:\n  back:\n';

export const configFiles = (count) => ({
  '7 lines a service': file(count, plain),
  '16 lines a service': file(count, (i) => rich(i, limits), '', resources),
  '16 lines and a merge key': file(count, (i) => rich(i, '    <<: *default\n'), defaults, resources),
});
