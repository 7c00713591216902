# Runs dispatchfile every night inside the cluster. It reaches Nomad through the task API's socket, with the identity of
# its own task: no address and no token is stored anywhere. docs/scheduled.md explains how to set it up.

variable "image" {
  type    = string
  default = "dispatchfile:0.1.0"
}

job "nightly-reports" {
  datacenters = ["*"]
  type        = "batch"

  periodic {
    crons            = ["30 2 * * *"]
    time_zone        = "UTC"
    prohibit_overlap = true
  }

  group "dispatchfile" {
    # The journal, which moves along if the task moves to another node.
    ephemeral_disk {
      size    = 300
      sticky  = true
      migrate = true
    }

    # A task that starts again continues the run. It sends no item twice.
    restart {
      attempts = 2
      delay    = "30s"
      mode     = "fail"
    }

    task "run" {
      driver = "docker"

      # On `nomad job stop` the run sends no more items, and writes its journal.
      kill_signal  = "SIGINT"
      kill_timeout = "60s"

      config {
        image      = var.image
        entrypoint = ["/bin/sh", "-eu"]
        args       = ["${NOMAD_TASK_DIR}/run.sh"]
      }

      identity {
        env = true # gives the task NOMAD_TOKEN
      }

      env {
        NOMAD_ADDR             = "unix://${NOMAD_SECRETS_DIR}/api.sock"
        DISPATCHFILE_STATE_DIR = "${NOMAD_ALLOC_DIR}/data/dispatchfile"
      }

      # The ID of tonight's job is nightly-reports/periodic-SECONDS. Its number names the run.
      template {
        destination = "local/run.sh"
        data        = <<-SCRIPT
          night=$(echo "$NOMAD_JOB_ID" | sed 's/.*-//')
          exec dispatchfile run "$NOMAD_TASK_DIR/dispatchfile.yaml" --run-id "n$night"
        SCRIPT
      }

      template {
        destination     = "local/dispatchfile.yaml"
        left_delimiter  = "[[[["
        right_delimiter = "]]]]"
        data            = file("dispatchfile.yaml")
      }

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
