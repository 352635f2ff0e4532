Feature: Control flow that the specification's kit leaves out

  Scenario: A wait given as text and one given as an object both end
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: wait, version: 1.0.0}
    do:
      - short: {wait: PT0.05S}
      - shorter: {wait: {milliseconds: 10}}
      - done: {set: {waited: true}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    waited: true
    """
    And done should run last

  Scenario: A task whose condition is false is skipped and passes its input on
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: condition, version: 1.0.0}
    do:
      - never: {if: '${ .count > 3 }', set: {count: 0}}
      - always: {if: '${ .count < 3 }', set: {count: '${ .count + 1 }'}}
    """
    And given the workflow input is:
    """yaml
    count: 1
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    count: 2
    """
    And never should not run

  Scenario: Branches that do not compete all end, in the order of the definition
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: fork, version: 1.0.0}
    do:
      - both:
          fork:
            branches:
              - slow: {do: [{rest: {wait: {milliseconds: 30}}}, {say: {set: {name: slow}}}]}
              - fast: {set: {name: fast}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    - name: slow
    - name: fast
    """

  Scenario: A workflow that takes longer than it may faults with a timeout
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: late, version: 1.0.0}
    timeout: {after: {milliseconds: 50}}
    do:
      - sleep: {wait: {minutes: 10}}
    """
    When the workflow is executed
    Then the workflow should fault with error:
    """yaml
    status: 408
    """

  Scenario: A task's own timeout can be caught
    Given a workflow with definition:
    """yaml
    document: {dsl: 1.0.3, namespace: kit, name: caught, version: 1.0.0}
    do:
      - careful:
          try:
            - sleep: {wait: {minutes: 10}, timeout: {after: {milliseconds: 50}}}
          catch:
            errors: {with: {status: 408}}
            do:
              - note: {set: {late: true}}
    """
    When the workflow is executed
    Then the workflow should complete with output:
    """yaml
    late: true
    """
