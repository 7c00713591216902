# Counts the words of its payload. Plain sh, so that it runs on any machine, on the
# embedded agent as on a Nomad cluster with raw_exec enabled.
job "text-report" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    payload       = "required"
    meta_required = ["title"]
    meta_optional = ["top"]
  }

  meta {
    top = "5"
  }

  group "report" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "count" {
      driver = "raw_exec"

      dispatch_payload {
        file = "text.txt"
      }

      config {
        command = "/bin/sh"
        args    = ["-eu", "-c", <<-SCRIPT
          text="$NOMAD_TASK_DIR/text.txt"
          words=$(wc -w < "$text" | tr -d " ")
          echo "$NOMAD_META_title: $words words"
          tr -cs "[:alpha:]" "\n" < "$text" | tr "[:upper:]" "[:lower:]" | grep . |
            sort | uniq -c | sort -rn | head -n "$NOMAD_META_top"
          test "$words" -gt 0
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
