# Who may do what on an ADES server.
#
# The server asks for `data.ades.decision` with the input that docs/access.md describes, and does only what `allow`
# permits. The same file decides in the server itself and in an Open Policy Agent server; `opa test ades/policy` runs
# the tests beside it. Whoever replaces it keeps `decision` or `allow`; without an answer everything is refused.
#
# Three workspaces meet in a job. The *deploying* one stands in the address and owns the process. The *calling* one
# comes from the token and gets the results. The *executing* one is where the job runs and which is charged:
#
#   access        who may see and execute        executing   who reads status, logs and results
#   private       the deploying workspace        deploying   calling
#   public        every workspace                calling     calling
#   shared        the named ones, and the owner  calling     calling
#   user-service  every workspace                deploying   calling and deploying
#
# The tables are functions of constants, because the evaluator inside the server builds a set anew each time.
package ades

import rego.v1

default allow := false

allow if ground

decision := {"allow": true, "reasons": [ground]} if ground

else := {"allow": false, "reasons": [refusal]}

# -- why something is allowed: the first that holds

ground := "everybody may read what the server is" if input.action == "read-service"

else := "the server is open: it runs without identities" if {
	input.open == true
	right(input.action)
}

else := "an administrator asks" if {
	"administrator" in input.roles
	known
	in_scope
	right(input.action)
}

else := reason if {
	known
	in_scope
	reason := granted(right(input.action))
}

# -- why something is refused

default refusal := "no rule of this policy allows it to the caller"

refusal := "nobody has said who asks" if not known

else := "this policy does not know the action" if not right(input.action)

else := "the token is not made for this" if not in_scope

# -- which right each action takes

right("read-service") := "everybody"

right("list-jobs") := "known caller"

right("list-processes") := "known caller"

right("list-workspaces") := "known caller"

right("deploy-process") := "member"

right("replace-process") := "member"

right("share-process") := "member"

right("undeploy-process") := "member"

right("list-all-jobs") := "member"

right("list-all-processes") := "member"

right("manage-secrets") := "member"

right("read-files") := "member"

right("write-files") := "member"

right("read-workspace") := "member"

right("manage-tokens") := "owner"

right("read-process") := "reader"

right("execute-process") := "caller"

right("read-job") := "watcher"

right("read-logs") := "watcher"

right("read-results") := "watcher"

right("dismiss-job") := "stopper"

right("change-job") := "calling workspace"

right("release-results") := "calling workspace"

right("read-releases") := "member"

right("withdraw-release") := "member"

right("create-workspace") := "administrator"

right("change-workspace") := "administrator"

right("remove-workspace") := "administrator"

# -- who has the right

granted("known caller") := "every known caller may ask for the list, and sees the own part of it"

granted("member") := "the caller belongs to the workspace" if belongs(input.workspace)

granted("owner") := "the caller owns the workspace" if {
	belongs(input.workspace)
	input.workspace in input.owned
}

granted("reader") := "the process is open to the caller" if process_is_open

granted("caller") := "the process is open to the caller, whose workspace gets the results" if {
	process_is_open
	calls
}

granted("watcher") := "the job was called for the caller's workspace" if belongs(input.job.calling)

else := "the job uses a service of the caller's workspace" if serves

granted("stopper") := "the job was called for the caller's workspace" if belongs(input.job.calling)

else := "the job is running in the caller's workspace" if {
	input.job.finished == false
	serves
}

granted("calling workspace") := "the job was called for the caller's workspace" if belongs(input.job.calling)

# -- who asks

known if input.anonymous == false

# A token made for one workspace acts for that one alone.
belongs(name) if {
	is_string(name)
	name == input.token_workspace
}

else := true if {
	input.token_workspace == null
	name in input.workspaces
}

# Of a token with several workspaces the request itself says which one calls.
calls if belongs(input.calling_workspace)

else := true if {
	input.calling_workspace == null
	count(input.workspaces) > 1
}

# -- what is meant

process_is_open if input.process.access == "public"

else := true if input.process.access == "user-service"

else := true if belongs(input.deploying_workspace)

else := true if {
	input.process.access == "shared"
	some name in input.process.shared_with
	names_caller(name)
}

names_caller(name) if name == concat(":", ["user", input.user])

names_caller(name) if {
	startswith(name, "workspace:")
	belongs(trim_prefix(name, "workspace:"))
}

# What is called from one workspace and runs in the one that deployed it is a user service.
serves if {
	belongs(input.job.deploying)
	input.job.executing == input.job.deploying
}

# -- what a token is limited to: an action, or one of the words that stand for several

in_scope if input.scopes == null

else := true if input.action in input.scopes

else := true if "administer" in input.scopes

else := true if {
	some scope in words(input.action)
	scope in input.scopes
}

words("list-jobs") := ["execute", "read"]

words("list-all-jobs") := ["execute", "read"]

words("read-job") := ["execute", "read"]

words("read-logs") := ["execute", "read"]

words("read-results") := ["execute", "read"]

words("execute-process") := ["execute"]

words("change-job") := ["execute"]

words("release-results") := ["execute"]

words("withdraw-release") := ["execute"]

words("read-releases") := ["execute", "read"]

words("dismiss-job") := ["execute"]

words("list-processes") := ["deploy", "execute", "read"]

words("list-all-processes") := ["deploy", "execute", "read"]

words("read-process") := ["deploy", "execute", "read"]

words("deploy-process") := ["deploy"]

words("replace-process") := ["deploy"]

words("share-process") := ["deploy"]

words("undeploy-process") := ["deploy"]

words("read-files") := ["files", "read"]

words("write-files") := ["files"]

words("list-workspaces") := ["read"]

words("read-workspace") := ["read"]
