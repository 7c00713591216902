job "resched" {
  type = "batch"
  reschedule {
    attempts  = 3
    interval  = "1h"
    unlimited = false
  }
  periodic {
    crons            = ["*/5 * * * *"]
    prohibit_overlap = true
  }
  group "a" {
    reschedule {
      delay          = "30s"
      delay_function = "exponential"
      max_delay      = "10m"
    }
    disconnect {
      lost_after = "20s"
      replace    = false
    }
    task "t" {
      driver = "mock_driver"
      config {
        run_for = "1s"
      }
    }
  }
  group "b" {
    count = 0
    spread {
      attribute = "${node.datacenter}"
      weight    = 50
      target "dc1" { percent = 100 }
    }
    task "t" {
      driver = "mock_driver"
      
      config {}
    }
  }
}
