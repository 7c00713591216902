# What the task's identity may do, in addition to what every identity may: dispatch jobs, and read how they end.
namespace "default" {
  capabilities = ["dispatch-job", "read-job", "list-jobs", "read-logs"]
}
