# The parameterized job of Nomad's documentation. Instead of ffmpeg a few lines of sh
# stand here, which read the same configuration file and say what they would encode.
job "video-encode" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    payload       = "required"
    meta_required = ["dispatcher_email"]
  }

  group "encode" {
    restart {
      attempts = 1
      interval = "10m"
      delay    = "1s"
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "ffmpeg" {
      driver = "raw_exec"

      dispatch_payload {
        file = "config.json"
      }

      config {
        command = "/bin/sh"
        args    = ["-eu", "-c", <<-SCRIPT
          config="$NOMAD_TASK_DIR/config.json"
          value() { tr -d "\n" < "$config" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
          input=$(value input)
          test -n "$input" || { echo "config.json has no input" >&2; exit 64; }
          echo "encoding $input with $(value codec) for $NOMAD_META_dispatcher_email"
          cksum < "$config" > "$NOMAD_ALLOC_DIR/data/output.cksum"
        SCRIPT
        ]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
