job "cron" {
  type = "batch"
  periodic {
    cron = "@daily"
  }
  parameterized {}
  ui {
    description = "x"
    link {
      label = "docs"
      url   = "http://127.0.0.1/"
    }
  }
  affinity {
    attribute = "a"
    set_contains = "b"
  }
  group "g" {
    task "t" {
      driver = "mock_driver"
      config {
        run_for = "1s"
        nested {
          a = 1
        }
        nested {
          a = 2
        }
        labelled "x" {
          b = [{ c = 1 }, { c = 2 }]
        }
        nothing = null
      }
      template {
        source = "x"
        destination = "local/x"
        change_mode = "noop"
      }
      artifact {
        source = "http://127.0.0.1:1/a/b.txt?x=1"
        mode = "file"
      }
      resources { 
        cores = 1
      }
    }
  }
}
