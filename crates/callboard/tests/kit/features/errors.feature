Feature: Errors, retries and schemas that the specification's kit leaves out

  Scenario: A retry ends after its attempts and the error goes on
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: retry, version: 1.0.0}
    do:
      - stubborn:
          try:
            - fail: {call: http, with: {method: get, endpoint: 'https://echo.example.com/status/503'}}
          catch:
            errors: {with: {status: 503}}
            retry: {delay: {milliseconds: 5}, backoff: {exponential: {}}, limit: {attempt: {count: 2}}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 503
    """

  Scenario: A filter that does not fit catches nothing
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: filter, version: 1.0.0}
    do:
      - picky:
          try:
            - fail: {raise: {error: {type: https://kit.example/errors/own, status: 409, title: Own}}}
          catch:
            errors: {with: {status: 404}}
            do:
              - note: {set: {caught: true}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    type: https://kit.example/errors/own
    status: 409
    instance: /do/0/picky/try/0/fail
    """
    And note should not run

  Scenario: A reusable error is raised by its name
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: reusable, version: 1.0.0}
    use:
      errors:
        gone: {type: https://kit.example/errors/gone, status: 410, title: Gone}
    do:
      - stop: {raise: {error: gone}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 410
    title: Gone
    """

  Scenario: An input that does not fit its schema faults before anything runs
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: schema, version: 1.0.0}
    input:
      schema: {document: {type: object, required: [name], properties: {name: {type: string}}}}
    do:
      - greet: {set: {text: '${ "hello " + .name }'}}
    """
    And given the workflow input is:
    """yaml
    name: 7
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 400
    """
    And greet should not run

  Scenario: A reusable function is called by its name
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: functions, version: 1.0.0}
    use:
      functions:
        echo: {call: http, with: {method: post, endpoint: 'https://echo.example.com/things', body: {thing: '${ .thing }'}}}
    do:
      - send: {call: echo, with: {thing: '${ .thing }'}}
      - show: {set: {sent: '${ .json.thing }'}}
    """
    And given the workflow input is:
    """yaml
    thing: ball
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    sent: ball
    """
