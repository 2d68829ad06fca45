# Run with `opa test ades/policy`; `make test` runs it too.
package ades_test

import data.ades
import rego.v1

# Ann has a token for the workspace `alice`; the process is in the workspace `carol`.
ann := {
	"user": "ann", "roles": [], "anonymous": false, "open": false, "token_workspace": "alice",
	"workspaces": ["alice"], "owned": [], "scopes": null, "workspace": "carol", "deploying_workspace": "carol",
	"calling_workspace": "alice",
}

may(changes) := result if {
	asked := object.union(ann, changes)
	result := ades.allow with input as asked
}

of(access, shared) := {"process": {"access": access, "shared_with": shared}}

running(deploying, calling, executing) := {"job": {
	"deploying": deploying, "calling": calling, "executing": executing, "owner": "somebody", "finished": false,
}}

both(first, second) := object.union(first, second)

test_nothing_asked_is_refused if ades.allow == false with input as {}

test_unknown_action_is_refused if may({"action": "fly"}) == false

test_unknown_action_is_refused_to_administrators if may({"action": "fly", "roles": ["administrator"]}) == false

test_unknown_action_is_refused_on_an_open_server if may({"action": "fly", "open": true}) == false

test_anybody_reads_the_service if may({"action": "read-service", "anonymous": true})

test_nobody_else_may_do_anything if may({"action": "list-processes", "anonymous": true}) == false

test_open_server_allows if may({"action": "remove-workspace", "open": true, "anonymous": true})

test_administrator_may if may({"action": "remove-workspace", "roles": ["administrator"]})

test_others_may_not_administer if may({"action": "remove-workspace"}) == false

# -- processes

test_private_is_hidden if may(both({"action": "read-process"}, of("private", []))) == false

test_private_is_not_executed if may(both({"action": "execute-process"}, of("private", []))) == false

test_private_in_the_own_workspace if {
	own := both({"workspace": "alice", "deploying_workspace": "alice"}, of("private", []))
	may(both({"action": "read-process"}, own))
	may(both({"action": "execute-process"}, own))
}

test_public_is_executed if may(both({"action": "execute-process"}, of("public", [])))

test_public_is_not_replaced if may(both({"action": "replace-process"}, of("public", []))) == false

test_user_service_is_executed if may(both({"action": "execute-process"}, of("user-service", [])))

test_user_service_is_not_undeployed if may(both({"action": "undeploy-process"}, of("user-service", []))) == false

test_shared_with_the_workspace if may(both({"action": "execute-process"}, of("shared", ["workspace:alice"])))

test_shared_with_the_user if may(both({"action": "execute-process"}, of("shared", ["user:ann"])))

test_shared_with_others if may(both({"action": "read-process"}, of("shared", ["workspace:bob", "user:bob"]))) == false

test_shared_with_a_word_without_kind if may(both({"action": "read-process"}, of("shared", ["alice", "ann"]))) == false

test_execution_needs_a_calling_workspace if {
	lost := {"action": "execute-process", "calling_workspace": null, "token_workspace": null, "workspaces": []}
	may(both(lost, of("public", []))) == false
}

test_member_deploys if may({"action": "deploy-process", "workspace": "alice"})

test_stranger_does_not_deploy if may({"action": "deploy-process"}) == false

test_token_of_one_workspace_does_not_reach_the_others if {
	may({"action": "deploy-process", "workspaces": ["alice", "carol"]}) == false
}

test_token_of_no_workspace_reaches_all_of_its_user if {
	may({"action": "deploy-process", "workspaces": ["alice", "carol"], "token_workspace": null})
}

# -- jobs

test_caller_reads if {
	may(both({"action": "read-job"}, running("carol", "alice", "alice")))
	may(both({"action": "read-logs"}, running("carol", "alice", "alice")))
	may(both({"action": "read-results"}, running("carol", "alice", "carol")))
}

test_caller_dismisses if may(both({"action": "dismiss-job"}, running("carol", "alice", "carol")))

test_owner_of_a_public_process_learns_nothing if {
	may(both({"action": "read-job"}, running("alice", "bob", "bob"))) == false
}

test_owner_of_a_user_service_reads if may(both({"action": "read-results"}, running("alice", "bob", "alice")))

test_owner_of_a_user_service_stops_what_runs if {
	may(both({"action": "dismiss-job"}, running("alice", "bob", "alice")))
}

test_owner_of_a_user_service_does_not_remove_what_has_finished if {
	finished := object.union(running("alice", "bob", "alice"), {"job": {"finished": true}})
	may(both({"action": "dismiss-job"}, finished)) == false
}

test_stranger_reads_no_job if may(both({"action": "read-job"}, running("carol", "bob", "carol"))) == false

# -- files and workspaces

test_member_reads_files if may({"action": "read-files", "workspace": "alice"})

test_stranger_reads_no_files if may({"action": "read-files"}) == false

test_owner_manages_tokens if may({"action": "manage-tokens", "workspace": "alice", "owned": ["alice"]})

test_member_does_not_manage_tokens if may({"action": "manage-tokens", "workspace": "alice"}) == false

# -- tokens that are limited

test_reading_token_does_not_execute if {
	may(both({"action": "execute-process", "scopes": ["read"]}, of("public", []))) == false
}

test_executing_token_reads_results if {
	may(both({"action": "read-results", "scopes": ["execute"]}, running("carol", "alice", "alice")))
}

test_token_names_an_action if {
	may(both({"action": "execute-process", "scopes": ["execute-process"]}, of("public", [])))
}

test_limited_token_of_an_administrator if {
	may({"action": "remove-workspace", "roles": ["administrator"], "scopes": ["read"]}) == false
}

test_token_without_scopes_may_nothing if may({"action": "list-jobs", "scopes": []}) == false
