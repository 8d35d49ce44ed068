// Which storage the settings name: a bucket, or a folder of this machine.
import { join } from 'node:path'
import { type Config } from '../../config.js'
import { createFileStorage } from './file-storage.js'
import { createS3Storage } from './s3-storage.js'
import { type Storage } from './storage.js'

type StorageSettings = Pick<Config, 'DATA_DIR' | 'S3_ENDPOINT' | 'S3_BUCKET' | 'S3_REGION' | 'S3_ACCESS_KEY_ID' | 'S3_SECRET_ACCESS_KEY'>

export function openStorage (config: StorageSettings): Storage {
  return openBucket(config) ?? createFileStorage(join(config.DATA_DIR, 'media'))
}

/** In the same bucket their keys begin with an underscore, which no tenant's id does. */
export function openArchives (config: StorageSettings & Pick<Config, 'BACKUP_DIR'>): Storage {
  if (config.BACKUP_DIR !== undefined) return createFileStorage(config.BACKUP_DIR)
  return openBucket(config) ?? createFileStorage(join(config.DATA_DIR, 'backups'))
}

function openBucket (config: StorageSettings): Storage | undefined {
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_REGION: region, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config
  if (endpoint === undefined || bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) return undefined
  return createS3Storage({ endpoint, bucket, region, accessKeyId, secretAccessKey })
}
