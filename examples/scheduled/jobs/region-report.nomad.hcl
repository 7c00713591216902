job "region-report" {
  datacenters = ["*"]
  type        = "batch"

  parameterized {
    meta_required = ["region"]
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

    task "report" {
      driver = "raw_exec"

      config {
        command = "/bin/sh"
        args    = ["-eu", "-c", "echo \"report of region $NOMAD_META_region\""]
      }

      resources {
        cpu    = 20
        memory = 16
      }
    }
  }
}
