job "encode-film" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    payload       = "forbidden"
    meta_required = ["title", "codec", "minutes"]
  }

  group "encode" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "encode" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-eu", "-c", <<-SCRIPT
          case "$NOMAD_META_codec" in
            vp9 | av1 | h264) ;;
            *)
              echo "reading the header" >&2
              echo "no such codec: $NOMAD_META_codec" >&2
              exit 3
              ;;
          esac
          if [ "$NOMAD_META_minutes" -gt 240 ]; then
            echo "too long for one pass: $NOMAD_META_minutes minutes" >&2
            exit 65
          fi
          echo "encoded $NOMAD_META_title ($NOMAD_META_minutes minutes) with $NOMAD_META_codec"
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
