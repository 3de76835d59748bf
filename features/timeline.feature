Feature: A trail answers questions

  Somebody who was not there asks what became of an order, what an account was told, and why an alert fired.

  Background:
    Given the scenario "usdt-cliff-9m"
    And it was run, and its trail was kept

  Scenario: What became of an order
    When the first order that was filled is asked for, by the name that its desk gave it
    Then the lines are its story, from SubmitOrder to OrderFilled
    And no line is about another order

  Scenario: What was said to the desk of an account within a minute
    When tse timeline is typed with --service trading_engine.alpha --account alpha --from 3m --until 4m
    Then every line is within that minute, of trading_engine.alpha and of alpha

  Scenario: The alerts of a rule
    When tse timeline is typed with --alert peg_deviation --kind AlertFired
    Then the lines are those of the alerts that the run raised

  Scenario: The alerts under their cause
    When tse timeline is typed with --by-cause
    Then the one cause is price.drift-1, and all alerts hang under it

  Scenario: An entry and what led to it
    When the causes of the first order of alpha that was accepted are asked for
    Then each line is the cause of the one before

  Scenario Outline: A question that cannot be answered
    When tse timeline is typed with <question>
    Then it ends with code 2
    And the one line says: <answer>

    Examples:
      | question                 | answer                                                                               |
      | --account alfa           | --account alfa: nothing in this trail; did you mean 'alpha'?                         |
      | --order nobody           | --order nobody: nothing in this trail;                                               |
      | --instrument BTC/UDS     | --instrument BTC/UDS: nothing in this trail; did you mean 'BTC/USD'?                 |
      | --service exchanges      | --service exchanges: nothing in this trail; did you mean 'exchange'?                 |
      | --kind OrderFiled        | --kind OrderFiled: nothing in this trail; did you mean 'OrderFilled'?                |
      | --alert peg_deviatoin    | --alert peg_deviatoin: nothing in this trail; did you mean 'peg_deviation'?          |
      | --from noon              | --from noon: is neither a time such as 2026-03-02T01:00:00Z nor one such as 90m      |
      | --causes 99999999        | there is no entry 99999999                                                           |
      | --by-cause --kind Start  | --causes and --by-cause stand alone                                                  |

  Scenario: A damaged trail tells nothing
    When one byte of its trail is changed
    And tse timeline is typed for it
    Then it ends with code 2
    And the one line says: line 501, entry 500: its content does not match its hash
