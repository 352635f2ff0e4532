Feature: Extensions, catalogues, secrets and events that the specification's kit leaves out

  Scenario: An extension surrounds the tasks of its kind and no others
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: extension, version: 1.0.0}
    use:
      extensions:
        - watched:
            extend: call
            before: [{lookOut: {set: {seen: true}}}]
            after: [{lookBack: {set: {seen: true}}}]
    do:
      - prepare: {set: {id: 7}}
      - fetch: {call: http, with: {method: get, endpoint: 'https://echo.example.com/things/7'}}
    """
    When the workflow is executed
    Then the workflow should complete
    And prepare should run first
    And lookOut should run after prepare
    And lookBack should run after lookOut

  Scenario: An extension whose condition is false leaves the task alone
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: extension, version: 1.0.0}
    use:
      extensions:
        - watched:
            extend: set
            when: '${ $task.name == "other" }'
            before: [{lookOut: {wait: {milliseconds: 1}}}]
    do:
      - prepare: {set: {id: 7}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    id: 7
    """
    And lookOut should not run

  Scenario: An extension may stand in for the task
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: mock, version: 1.0.0}
    use:
      extensions:
        - mock:
            extend: call
            before:
              - answer: {set: {statusCode: 200, mocked: true}, then: exit}
    do:
      - fetch: {call: http, with: {method: get, endpoint: 'https://nowhere.invalid/things'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    statusCode: 200
    mocked: true
    """

  Scenario: A secret that nobody gave the run is refused
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: secrets, version: 1.0.0}
    use: {secrets: [token]}
    do:
      - show: {set: {token: '${ $secrets.token }'}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 403
    """
    And show should not run

  Scenario: What a task exports is there for those after it
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: context, version: 1.0.0}
    do:
      - first: {set: {id: 7}, export: {as: '${ $context + {first: .id} }'}}
      - second: {set: {id: 8}, export: {as: '${ $context + {second: .id} }'}}
      - show: {set: {sum: '${ $context.first + $context.second }'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sum: 15
    """

  Scenario: Input and output of a task are shaped on their way
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: shapes, version: 1.0.0}
    input: {from: '${ {people: .} }'}
    do:
      - count:
          input: {from: .people}
          set: {count: '${ length }'}
          output: {as: '${ {counted: .count} }'}
    output: {as: '${ {result: .counted} }'}
    """
    And given the workflow input is:
    """yaml
    [ada, grace]
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    result: 2
    """

  Scenario: An output that does not fit its schema faults
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: schema, version: 1.0.0}
    do:
      - wrong:
          set: {name: 7}
          output: {schema: {document: {type: object, properties: {name: {type: string}}}}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 400
    instance: /do/0/wrong
    """

  Scenario: The runtime, the workflow and the task tell about themselves
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: self, version: 1.0.0}
    do:
      - tell: {set: {workflow: '${ $workflow.definition.document.name }', task: '${ $task.name }', at: '${ $task.reference }'}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    workflow: self
    task: tell
    at: /do/0/tell
    """
