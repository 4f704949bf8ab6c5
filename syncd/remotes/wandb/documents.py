"""What is asked of a W&B server in GraphQL: each operation with no more than what is used of its answer."""

from __future__ import annotations

from runstore.syncd.remotes.graphql import Document

FEATURES = Document(
    "ServerFeaturesQuery",
    """
    query ServerFeaturesQuery {
      serverInfo { features { name isEnabled } }
    }
    """,
)

RUN = Document(
    "RunResumeStatus",
    """
    query RunResumeStatus($entity: String, $project: String, $name: String!) {
      model(name: $project, entityName: $entity) {
        name
        entity { name }
        bucket(name: $name, missingOk: true) {
          id
          name
          historyLineCount # optional
          eventsLineCount # optional
          logLineCount # optional
          historyTail # optional
          summaryMetrics # optional
          config # optional
        }
      }
    }
    """,
)

UPSERT = Document(
    "UpsertBucket",
    """
    mutation UpsertBucket($id: String, $name: String, $project: String, $entity: String, $groupName: String,
      $displayName: String, $notes: String, $commit: String, $config: JSONString, $host: String, $program: String,
      $repo: String, $jobType: String, $sweep: String, $tags: [String!]) {
      upsertBucket(input: {id: $id, name: $name, modelName: $project, entityName: $entity, groupName: $groupName,
        displayName: $displayName, notes: $notes, commit: $commit, config: $config, host: $host, jobProgram: $program,
        jobRepo: $repo, jobType: $jobType, sweep: $sweep, tags: $tags}) {
        bucket {
          id
          name
          project { name entity { name } }
          historyLineCount # optional
        }
        inserted # optional
      }
    }
    """,
    passes=frozenset((409,)),  # two that say something of one run at the same moment
)

REWIND = Document(
    "RewindRun",
    """
    mutation RewindRun($runName: String!, $entity: String, $project: String, $metricName: String!,
      $metricValue: Float!) {
      rewindRun(input: {runName: $runName, entityName: $entity, projectName: $project, metricName: $metricName,
        metricValue: $metricValue}) {
        rewoundRun {
          id
          name
          project { name entity { name } }
          historyLineCount # optional
          eventsLineCount # optional
          logLineCount # optional
          historyTail # optional
        }
      }
    }
    """,
)

RUN_FILES = Document(
    "CreateRunFiles",
    """
    mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
      createRunFiles(input: {entityName: $entity, projectName: $project, runName: $run, files: $files}) {
        uploadHeaders # optional
        files { name uploadUrl }
      }
    }
    """,
)

ALERT = Document(
    "NotifyScriptableRunAlert",
    """
    mutation NotifyScriptableRunAlert($entityName: String!, $projectName: String!, $runName: String!, $title: String!,
      $text: String!, $severity: AlertSeverity, $waitDuration: Duration) {
      notifyScriptableRunAlert(input: {entityName: $entityName, projectName: $projectName, runName: $runName,
        title: $title, text: $text, severity: $severity, waitDuration: $waitDuration}) {
        success
      }
    }
    """,
)

ARTIFACT = Document(
    "CreateArtifact",
    """
    mutation CreateArtifact($input: CreateArtifactInput!) {
      createArtifact(input: $input) {
        artifact {
          id
          state
          artifactSequence { latestArtifact { id } } # optional
        }
      }
    }
    """,
    frozenset(("digestAlgorithm", "enableDigestDeduplication", "tags", "ttlDurationSeconds", "storageRegion")),
)

_MANIFEST_FILE = """
        artifactManifest {
          id
          file {
            uploadUrl @include(if: $includeUpload)
            uploadHeaders @include(if: $includeUpload) # optional
          }
        }
"""

MANIFEST = Document(
    "CreateArtifactManifest",
    f"""
    mutation CreateArtifactManifest($artifactID: ID!, $baseArtifactID: ID, $name: String!, $digest: String!,
      $entityName: String!, $projectName: String!, $runName: String!, $manifestType: ArtifactManifestType!,
      $includeUpload: Boolean!) {{
      createArtifactManifest(input: {{artifactID: $artifactID, baseArtifactID: $baseArtifactID, name: $name,
        digest: $digest, entityName: $entityName, projectName: $projectName, runName: $runName,
        type: $manifestType}}) {{
        {_MANIFEST_FILE}
      }}
    }}
    """,
)

MANIFEST_CHANGE = Document(
    "UpdateArtifactManifest",
    f"""
    mutation UpdateArtifactManifest($artifactManifestID: ID!, $digest: String, $baseArtifactID: ID,
      $includeUpload: Boolean!) {{
      updateArtifactManifest(input: {{artifactManifestID: $artifactManifestID, digest: $digest,
        baseArtifactID: $baseArtifactID}}) {{
        {_MANIFEST_FILE}
      }}
    }}
    """,
)

ARTIFACT_FILES = Document(
    "CreateArtifactFiles",
    """
    mutation CreateArtifactFiles($input: CreateArtifactFilesInput!) {
      createArtifactFiles(input: $input) {
        files {
          edges {
            node {
              storagePath # optional
              uploadUrl
              uploadHeaders # optional
              uploadMultipartUrls { uploadID uploadUrlParts { partNumber uploadUrl } } # optional
              artifact { id } # optional
            }
          }
        }
      }
    }
    """,
)

PARTS_DONE = Document(
    "CompleteMultipartUploadArtifact",
    """
    mutation CompleteMultipartUploadArtifact($completeMultipartAction: CompleteMultipartAction!,
      $completedParts: [UploadPartsInput!]!, $artifactID: ID!, $storagePath: String!, $uploadID: String!) {
      completeMultipartUploadArtifact(input: {completeMultipartAction: $completeMultipartAction,
        completedParts: $completedParts, artifactID: $artifactID, storagePath: $storagePath, uploadID: $uploadID}) {
        digest
      }
    }
    """,
)

COMMIT = Document(
    "CommitArtifact",
    """
    mutation CommitArtifact($artifactID: ID!) {
      commitArtifact(input: {artifactID: $artifactID}) {
        artifact { id }
      }
    }
    """,
)

USE = Document(
    "UseArtifact",
    """
    mutation UseArtifact($input: UseArtifactInput!) {
      useArtifact(input: $input) {
        artifact { id }
      }
    }
    """,
)

ENTITY_DIGESTS = Document(
    "XXHashDigestsEnabled",
    """
    query XXHashDigestsEnabled($entityName: String!) {
      entity(name: $entityName) { xxhashDigestsEnabled }
    }
    """,
)

COLLECTION_DIGESTS = Document(
    "FetchArtifactDigestAlgorithm",
    """
    query FetchArtifactDigestAlgorithm($entityName: String!, $projectName: String!, $artifactTypeName: String!,
      $artifactCollectionName: String!) {
      project(name: $projectName, entityName: $entityName) {
        artifactType(name: $artifactTypeName) {
          artifactCollection(name: $artifactCollectionName) {
            ... on ArtifactSequence { digestAlgorithm }
          }
        }
      }
    }
    """,
)

SERVER_ID = Document(
    "ClientIDMapping",
    """
    query ClientIDMapping($clientID: ID!) {
      clientIDMapping(clientID: $clientID) { serverID }
    }
    """,
)
