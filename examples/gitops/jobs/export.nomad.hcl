job "export" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    payload       = "required"
    meta_required = ["customer"]
  }

  group "export" {
    restart {
      attempts = 0
      mode     = "fail"
    }

    reschedule {
      attempts  = 0
      unlimited = false
    }

    task "export" {
      driver = "raw_exec"

      dispatch_payload {
        file = "request.json"
      }

      config {
        command = "/bin/sh"
        args    = ["-eu", "-c", "echo \"export of $NOMAD_META_customer: $(cat local/request.json)\""]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
