# Every block the reader takes, each with something in it.
variable "image" {
  type        = string
  default     = "busybox"
  description = "not used by anybody"
}

variable "tries" {
  default = 2
}

locals {
  command = "/bin/sh"
  names   = ["a", "b"]
}

job "every/thing" {
  name        = "everything"
  type        = "sysbatch"
  region      = "global"
  namespace   = "default"
  node_pool   = "default"
  datacenters = ["dc1", "dc*"]
  priority    = 70
  all_at_once = true

  meta {
    owner = "team ${var.image}"
    size  = 5
    big   = true
  }

  parameterized {
    payload       = "required"
    meta_required = ["title"]
    meta_optional = ["lang", "pages"]
  }

  constraint {
    attribute = "${attr.kernel.name}"
    value     = "linux"
  }

  constraint {
    distinct_hosts = true
  }

  affinity {
    attribute = "${node.datacenter}"
    value     = "dc1"
    weight    = 60
  }

  group "work" {
    count            = 2
    max_run_duration = "1h30m"
    shutdown_delay   = "1s"

    meta = {
      "dotted.key" = "x"
      plain : "y"
    }

    constraint {
      attribute = "${meta.disk}"
      operator  = "set_contains_any"
      value     = "a,b"
    }

    ephemeral_disk {
      size    = 500
      sticky  = true
      migrate = true
    }

    restart {
      attempts = var.tries
      interval = "10m"
      delay    = "1s"
      mode     = "delay"
    }

    task "before" {
      driver = "mock_driver"

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      config {
        run_for   = "10s"
        exit_code = 3
      }
    }

    task "main" {
      driver         = "raw_exec"
      user           = "nobody"
      leader         = true
      kill_timeout   = "20s"
      shutdown_delay = "500ms"

      config {
        command = local.command
        args = [
          "-c",
          "echo ${NOMAD_META_title} $${HOME} ${env["HOME"]} ${meta.x} \"q\" \t \u00e9", # a comment
          <<-EOT
            one
              two ${NOMAD_TASK_NAME}
            three $${x}
          EOT
          , local.names[1],
        ]
      }

      env {
        GREETING = "hello ${NOMAD_META_title}"
        COUNT    = 5
        RAW      = <<EOF
  keeps "quotes" and \n
EOF
      }

      meta {
        k = "v"
      }

      dispatch_payload {
        file = "in/${NOMAD_META_title}.json"
      }

      resources {
        cpu        = 200
        memory     = 64
        memory_max = 128
      }

      restart {
        attempts = 0
      }

      logs {
        max_files     = 3
        max_file_size = 1
        disabled      = true
      }

      artifact {
        source      = "/srv/data.csv"
        destination = "local/data"
        mode        = "file"
        options {
          archive = "false"
        }
        headers {
          Accept = "*/*"
        }
      }

      template {
        data        = "title=${NOMAD_META_title}"
        destination = "local/out.txt"
        perms       = "600"
        env         = true
        change_mode = "noop"
      }

      constraint {
        attribute = "${attr.cpu.arch}"
        regexp    = "amd64|arm64"
      }
    }

    task "after" {
      driver = "exec"
      lifecycle {
        hook = "poststop"
      }
      config {
        command = "/bin/echo"
        args    = ["bye"]
      }
    }
  }
}
