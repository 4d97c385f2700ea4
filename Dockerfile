# One image for the CA, the responder and their initialisation; docker-compose.yml says which.
# Base images are pinned to exact versions. Put the digest behind the tag (name:tag@sha256:...) once
# it was seen from your registry: docs/operations/containers.md.

FROM node:24.21.0-bookworm AS packages
WORKDIR /opt/chancery
COPY package.json package-lock.json ./
# No install script runs but the one that compiles the PKCS#11 addon. Optional packages are Node and
# PostgreSQL themselves, which images bring.
RUN npm install --no-save --ignore-scripts --no-audit --no-fund --omit=dev --omit=optional \
 && npm_config_nodedir=/usr/local npm rebuild pkcs11js

FROM node:24.21.0-bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends softhsm2 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -m 0700 -o 10001 -g 10001 /var/lib/chancery \
 && install -d -m 0700 -o 10002 -g 10002 /var/lib/chancery-responder
WORKDIR /opt/chancery
COPY --from=packages /opt/chancery/node_modules ./node_modules
COPY package.json package-lock.json tsconfig.json ./
COPY profiles ./profiles
COPY src ./src
COPY ocsp ./ocsp
COPY scripts ./scripts
# Templates of ceremonies.
COPY docs/ceremonies ./docs/ceremonies
ENV NODE_ENV=production CHANCERY_DATA=/var/lib/chancery CHANCERY_LISTEN=0.0.0.0
USER 10001:10001
EXPOSE 8443 8080
CMD ["node", "src/main.ts"]
