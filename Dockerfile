# The server. Its database and its analysis service are other containers (docker-compose.yml).
FROM node:24-slim
WORKDIR /app
COPY package.json package-lock.json ./
# Optional packages are the embedded Postgres and a Node of our own; here both come from outside.
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund
COPY migrations ./migrations
COPY scripts ./scripts
COPY src ./src
# For those who run it without compose: the state of this container only, nothing that must be kept.
ENV HOST=0.0.0.0 PORT=4747 TTAI_HOME=/tmp/ttai
USER node
EXPOSE 4747
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:4747/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "src/main.ts"]
